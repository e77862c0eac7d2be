"""The secured local stack: users and rights as the catalogue says, and each service as the principal of its name."""

from collections.abc import Iterable

import msgspec

from infra.local.credentials import ADMIN, SUPERUSERS, Credentials
from infra.local.folders import Folders
from infra.local.services import ServiceName
from infra.local.state import replace_file
from infra.settings import Settings


class LocalAccess:
    """Who logs in to the local Kafka, and with what; the passwords are made on first use.

    A service that the catalogue does not name is a user like any other, without rights.
    """

    def __init__(self, folders: Folders, services: Iterable[str]) -> None:
        from infra.kafka.acl_plan import principals  # here, so that `hitl status` is quick

        self._folders = folders
        self.credentials = Credentials(folders.credentials)
        names = (*(each.name for each in principals()), *(ServiceName.parse(name).service for name in services))
        self._passwords = self.credentials.mint(names)

    def as_admin(self, settings: Settings) -> Settings:
        """Settings of the supervisor, who may do everything."""
        return self._login(settings, ADMIN)

    def as_service(self, settings: Settings, name: str) -> Settings:
        """Settings of a service or a replica of it, who may do what the catalogue says of its name."""
        return self._login(settings, ServiceName.parse(name).service)

    def grant(self, settings: Settings) -> None:
        """Make the users, give them their rights, and leave for commands the login of the operator."""
        from infra.kafka import acl
        from infra.kafka.acl_plan import OPERATOR

        users = {name: word for name, word in self._passwords.items() if name not in SUPERUSERS}
        acl.Rights(settings).set_passwords(users)
        acl.apply(settings, prune=True)
        replace_file(self._folders.client, msgspec.json.encode(self.credentials.client_options(OPERATOR)))

    def _login(self, settings: Settings, principal: str) -> Settings:
        return settings.with_changes(kafka={**settings.kafka, **self.credentials.client_options(principal)})
