"""Writes field numbers and enum values of the contract as C++ constants.

    python generate_contract.py PROTO_ROOT OUTPUT_HEADER

The core reads and writes protobuf by hand; its numbers come from the .proto files, so that the two
cannot drift apart. Messages and enums of fenqi.v1 land in `fenqi::contract`, messages of
fenqi.internal.v1 in `fenqi::contract::internal`: `contract::score_response::kDecision`.
"""

import re
import sys
import tempfile
from pathlib import Path

import grpc_tools
from google.protobuf.descriptor_pb2 import DescriptorProto, EnumDescriptorProto, FileDescriptorSet
from grpc_tools import protoc


def descriptors(proto_root: Path) -> FileDescriptorSet:
    """Compiles every .proto below `proto_root`."""
    files = sorted(str(path) for path in proto_root.rglob("*.proto"))
    well_known = Path(grpc_tools.__file__).parent / "_proto"
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "set"
        includes = [f"-I{proto_root}", f"-I{well_known}"]
        if protoc.main(["protoc", *includes, f"--descriptor_set_out={out}", *files]) != 0:
            raise SystemExit("the contract does not compile")
        return FileDescriptorSet.FromString(out.read_bytes())


def snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def constant(name: str) -> str:
    return "k" + "".join(part.capitalize() for part in name.lower().split("_"))


def enum_lines(enum: EnumDescriptorProto) -> list[str]:
    prefix = snake(enum.name).upper() + "_"
    lines = [f"namespace {snake(enum.name)} {{"]
    for value in enum.value:
        name = constant(value.name.removeprefix(prefix))
        lines.append(f"inline constexpr std::uint32_t {name} = {value.number};")
    return [*lines, f"}}  // namespace {snake(enum.name)}", ""]


def message_lines(message: DescriptorProto) -> list[str]:
    if message.options.map_entry:
        return []
    lines = [f"namespace {snake(message.name)} {{"]
    for field in message.field:
        lines.append(f"inline constexpr std::uint32_t {constant(field.name)} = {field.number};")
    for enum in message.enum_type:
        lines += enum_lines(enum)
    return [*lines, f"}}  // namespace {snake(message.name)}", ""]


def header(files: FileDescriptorSet) -> str:
    public: list[str] = []
    internal: list[str] = []
    for file in files.file:
        target = internal if file.package == "fenqi.internal.v1" else public
        for enum in file.enum_type:
            public += enum_lines(enum)
        for message in file.message_type:
            target += message_lines(message)
    return "\n".join(
        [
            "// Made from the .proto files by native/wire/generate_contract.py. Do not edit.",
            "#pragma once",
            "",
            "#include <cstdint>",
            "",
            "namespace fenqi::contract {",
            "",
            *public,
            "namespace internal {",
            "",
            *internal,
            "}  // namespace internal",
            "}  // namespace fenqi::contract",
            "",
        ]
    )


def main() -> None:
    proto_root, output = Path(sys.argv[1]), Path(sys.argv[2])
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(header(descriptors(proto_root)))


if __name__ == "__main__":
    main()
