"""An S3 gateway that stores images small and gives them back full size.

The folders `gateway`, `codec`, `models`, `eval` and `config` beside this one are linked here, so
that every module has one name, such as :mod:`slimgate.codec`, which no other distribution claims.
"""
