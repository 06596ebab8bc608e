"""The encoders of credentials under the module name that existing programs import them from."""

from transfer.smtp._auth import auth_crammd5_verify, auth_login_encode, auth_plain_encode
from transfer.smtp._oauth import auth_xoauth2_encode

__all__ = ["auth_crammd5_verify", "auth_login_encode", "auth_plain_encode", "auth_xoauth2_encode"]
