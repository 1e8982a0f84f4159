"""`signature.json`: who vouches for an artifact, with Ed25519 (RFC 8032).

What is signed is the SHA-256 of every file that the manifest lists and of the manifest itself,
sorted by name, under a heading that no other document begins with:

    fenqi artifact 2
    taiwan_gbm 1
    1740163a...  card.md
    ...
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import BaseModel, ConfigDict, Field

from fenqi.artifacts.error import ArtifactError
from fenqi.artifacts.files import MANIFEST, SIGNATURE, read_file
from fenqi.artifacts.json_file import parse, serialize
from fenqi.artifacts.manifest import FORMAT, Manifest


class Signature(BaseModel):
    """What is inside `signature.json`. Keys and signatures are in hexadecimal digits."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    public_key: str = Field(pattern=r"^[0-9a-f]{64}$")
    signature: str = Field(pattern=r"^[0-9a-f]{128}$")


@dataclass(frozen=True, slots=True)
class TrustedKeys:
    """Whose signatures are accepted: public keys, and the files that they are from."""

    files: dict[str, Path]


def make_keys(path: Path) -> Path:
    """Writes a new private key to `path`, readable by its owner only, and the public key beside it
    with `.pub` at the end; gives the latter. Raises ArtifactError where a file is there already.
    """
    public = path.with_name(path.name + ".pub")
    key = Ed25519PrivateKey.generate()
    private_pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public_pem = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    for file, content, mode in ((path, private_pem, 0o600), (public, public_pem, 0o644)):
        try:
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        except OSError as error:
            raise ArtifactError(f"{file} cannot be written: {error.strerror}") from None
        with os.fdopen(descriptor, "wb") as out:
            out.write(content)
    return public


def sign(folder: Path, manifest: Manifest, digest: str, private_key: Path) -> Signature:
    """Signs the artifact in `folder` and writes `signature.json`, over what is there.

    `digest`: the SHA-256 of its manifest.yaml. Raises ArtifactError where the key cannot be used.
    """
    try:
        key = serialization.load_pem_private_key(read_file(private_key), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ArtifactError(
            f"{private_key} is no private key in PEM form without a password; `fenqi model keys` "
            "makes one"
        ) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise ArtifactError(f"{private_key} is no Ed25519 key; `fenqi model keys` makes one")
    signature = Signature(
        public_key=_hex(key.public_key()),
        signature=key.sign(_statement(manifest, digest)).hex(),
    )
    (folder / SIGNATURE).write_bytes(serialize(signature.model_dump()))
    return signature


def read_signature(folder: Path, manifest: Manifest, digest: str) -> Signature | None:
    """The signature of the artifact, None where there is none. Raises ArtifactError where it does
    not sign this manifest, whose SHA-256 is `digest`."""
    path = folder / SIGNATURE
    if not path.exists():
        return None
    signature = parse(path, read_file(path), Signature)
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(signature.public_key))
        key.verify(bytes.fromhex(signature.signature), _statement(manifest, digest))
    except (InvalidSignature, ValueError):
        raise ArtifactError(
            f"{path} is no signature of this artifact; it was changed after it was signed"
        ) from None
    return signature


def read_trusted_keys(path: Path) -> TrustedKeys:
    """Public keys in PEM: of the file `path`, or of every `*.pub` in the folder `path`.

    Raises ArtifactError where one cannot be read or there is none.
    """
    files = sorted(path.glob("*.pub")) if path.is_dir() else [path]
    if not files:
        raise ArtifactError(f"{path} holds no key, no file *.pub")
    keys: dict[str, Path] = {}
    for file in files:
        try:
            key = serialization.load_pem_public_key(read_file(file))
        except (ValueError, UnsupportedAlgorithm):
            raise ArtifactError(
                f"{file} is no public key in PEM form; `fenqi model keys` makes one"
            ) from None
        if not isinstance(key, Ed25519PublicKey):
            raise ArtifactError(f"{file} is no Ed25519 key; `fenqi model keys` makes one")
        keys[_hex(key)] = file
    return TrustedKeys(keys)


def check_trusted(folder: Path, signature: Signature | None, trusted: TrustedKeys) -> None:
    """Raises ArtifactError where nobody who is trusted has signed."""
    if signature is None:
        raise ArtifactError(
            f"{folder} is not signed, and only signed artifacts are accepted here; "
            "`fenqi model sign` signs it"
        )
    if signature.public_key not in trusted.files:
        raise ArtifactError(
            f"{folder} is signed with the key {signature.public_key[:16]}..., which is not trusted "
            f"here; trusted are {', '.join(file.name for file in trusted.files.values())}"
        )


def _statement(manifest: Manifest, digest: str) -> bytes:
    digests = {**manifest.files, MANIFEST: digest}
    lines = [f"{sha256}  {name}" for name, sha256 in sorted(digests.items())]
    heading = [f"fenqi artifact {FORMAT}", f"{manifest.name} {manifest.version}"]
    return "\n".join([*heading, *lines, ""]).encode()


def _hex(key: Ed25519PublicKey) -> str:
    return key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw).hex()
