"""The service that the settings name, for the command line."""

from devctl.client.client import Client
from devctl.errors import SettingsInvalid
from devctl.settings import DevctlSettings


def open_service(settings: DevctlSettings) -> Client:
    """A client of DEVCTL_URL's service with the caller's token; raises SettingsInvalid. Nothing is asked yet."""
    if settings.service_url is None:
        raise SettingsInvalid("no service is named", "set DEVCTL_URL to its address")
    return Client(settings.service_url, _token(settings), settings.service_ca, settings)


def _token(settings: DevctlSettings) -> str:
    if settings.service_token is not None:
        return settings.service_token.get_secret_value()
    file = settings.service_token_file
    if file is None:
        raise SettingsInvalid(
            f"DEVCTL_URL names the service {settings.service_url}, and there is no token for it",
            "set DEVCTL_TOKEN, or DEVCTL_TOKEN_FILE to a file that holds it; `devctl token add` there makes one",
        )
    try:
        token = file.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsInvalid(
            f"the token in {file} cannot be read: {getattr(error, 'strerror', None) or error}",
            "check DEVCTL_TOKEN_FILE",
        ) from error
    if not token:
        raise SettingsInvalid(f"{file} holds no token", "check DEVCTL_TOKEN_FILE")
    return token
