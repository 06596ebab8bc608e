"""What a connection can do besides asking and being answered: active mode, transfers between two servers."""
