# docker build --target cpu -t slimgate .      (the default)
# docker build --target gpu -t slimgate:gpu .  (torch for NVIDIA GPUs, and Real-ESRGAN checkpoints)
#
# The root file system may be read-only. /var/lib/slimgate and /var/spool/slimgate are written to;
# uploads of unknown length are in the latter until they are complete (limits.max_spooled_bytes), so
# that it belongs on a disk, not into memory as /tmp often is.

FROM python:3.13.15-slim-trixie AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/slimgate
ENV PATH=/opt/slimgate/bin:$PATH
WORKDIR /src
COPY requirements.lock ./
RUN pip install --no-deps --require-hashes --requirement requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY slimgate slimgate
COPY config config
COPY codec codec
COPY models models
COPY gateway gateway
COPY eval eval
RUN pip install --no-deps .

FROM build AS build-gpu
COPY requirements-torch.lock ./
# What torch needs beside these depends on the machine, and is resolved.
RUN pip install --no-deps --require-hashes --requirement requirements-torch.lock \
    && sed -n 's/^\([^ ]*==[^ ]*\) \\$/\1/p' requirements.lock requirements-torch.lock > pins.txt \
    && pip install --requirement pins.txt

FROM python:3.13.15-slim-trixie AS base
# Reads the words of a page, for policies with floor.text. Debian keeps no older versions that could
# be named here.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends tesseract-ocr \
    && rm -rf /var/lib/apt/lists/*
RUN useradd --system --uid 10001 --home-dir /var/lib/slimgate --create-home slimgate \
    && install --directory --owner slimgate --mode 700 /var/spool/slimgate
ENV PATH=/opt/slimgate/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    XDG_CACHE_HOME=/var/lib/slimgate \
    XDG_STATE_HOME=/var/lib/slimgate \
    TMPDIR=/var/spool/slimgate \
    SLIMGATE_CONFIG=/etc/slimgate/slimgate.yaml \
    SLIMGATE_LISTEN=0.0.0.0:9000 \
    SLIMGATE_ADMIN__LISTEN=127.0.0.1:9001
WORKDIR /var/lib/slimgate
USER 10001
VOLUME /var/lib/slimgate /var/spool/slimgate
EXPOSE 9000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=10s --start-period=60s \
    CMD ["slimgate", "healthcheck"]
ENTRYPOINT ["slimgate"]
CMD ["serve"]

FROM base AS gpu
COPY --from=build-gpu /opt/slimgate /opt/slimgate

FROM base AS cpu
COPY --from=build /opt/slimgate /opt/slimgate
