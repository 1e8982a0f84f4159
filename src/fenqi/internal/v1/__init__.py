"""Classes of the compiled release, made from proto/fenqi/internal/v1 when the package is built."""
