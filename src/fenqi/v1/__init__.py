"""The contract's classes, made from proto/fenqi/v1 when the package is built."""
