"""Data connections in the hands of the caller: streams to read from and to write to, and files with a position."""
