"""Only what was signed by a trusted key is accepted, where keys are asked for."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from fenqi.artifacts import ArtifactError, load_artifact
from fenqi.artifacts.signature import make_keys, read_trusted_keys, sign
from tests.artifacts.copies import change_manifest, copy_of, refusal


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return copy_of("taiwan_scorecard/1", tmp_path)


def signed(folder: Path, key: Path) -> Path:
    """Signs with a new pair of keys; gives the public one."""
    public = make_keys(key)
    artifact = load_artifact(folder)
    sign(folder, artifact.manifest, artifact.digest, key)
    return public


def test_a_signature_by_a_trusted_key_is_accepted(folder: Path, tmp_path: Path) -> None:
    public = signed(folder, tmp_path / "ann")
    make_keys(tmp_path / "bob")
    for trusted in (public, tmp_path):  # a file, and a folder of two
        assert load_artifact(folder, read_trusted_keys(trusted)).signature is not None


def test_no_signature_and_a_strangers_are_refused(folder: Path, tmp_path: Path) -> None:
    trusted = read_trusted_keys(make_keys(tmp_path / "ann"))
    assert "is not signed, and only signed artifacts" in refusal(folder, trusted=trusted)
    signed(folder, tmp_path / "eve")
    said = refusal(folder, trusted=trusted)
    assert "which is not trusted here; trusted are ann.pub" in said


def test_a_signature_is_of_every_byte_of_the_manifest_and_so_of_every_file(
    folder: Path, tmp_path: Path
) -> None:
    signed(folder, tmp_path / "ann")
    change_manifest(folder, lambda manifest: manifest.update(owner="Eve"))
    # Also where nobody asks for signatures: a broken one is never right.
    assert "is no signature of this artifact" in refusal(folder)


def test_a_signature_does_not_fit_another_version(folder: Path, tmp_path: Path) -> None:
    signed(folder, tmp_path / "ann")
    other = folder.rename(folder.with_name("2"))
    change_manifest(other, lambda manifest: manifest.update(version="2"))
    assert "is no signature of this artifact" in refusal(other)


def test_a_private_key_is_its_owners_alone_and_never_written_over(tmp_path: Path) -> None:
    make_keys(tmp_path / "ann")
    assert stat.S_IMODE((tmp_path / "ann").stat().st_mode) == 0o600
    with pytest.raises(ArtifactError, match="File exists"):
        make_keys(tmp_path / "ann")


def test_keys_of_another_kind_are_refused(folder: Path, tmp_path: Path) -> None:
    other = generate_private_key(SECP256R1())
    private, public = tmp_path / "ec", tmp_path / "ec.pub"
    private.write_bytes(
        other.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    public.write_bytes(
        other.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    artifact = load_artifact(folder)
    with pytest.raises(ArtifactError, match="is no Ed25519 key"):
        sign(folder, artifact.manifest, artifact.digest, private)
    with pytest.raises(ArtifactError, match="is no Ed25519 key"):
        read_trusted_keys(public)
    public.write_text("nothing")
    with pytest.raises(ArtifactError, match="no public key in PEM form"):
        read_trusted_keys(public)
    with pytest.raises(ArtifactError, match="holds no key"):
        read_trusted_keys(folder)
