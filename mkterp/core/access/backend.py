# mypy: allow-subclassing-any
"""What a person may do, by the roles they hold."""

from typing import Any

from allauth.account.auth_backends import AuthenticationBackend

from mkterp.core import roles


class RoleBackend(AuthenticationBackend):
    """Reads what a role may do from its table, not from the copy of it in the database.

    Every page asks, and the names of a person's roles are asked for anyway. The copy
    (`roles.sync_roles`) is for what asks the database: whom to tell, who could approve.
    """

    def get_group_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        """The permissions of this person's roles; of a single object there are none."""
        if obj is not None or not user_obj.is_active or user_obj.is_superuser:
            found: set[str] = super().get_group_permissions(user_obj, obj)
            return found
        return {name for role in roles.roles_of(user_obj) for name in role.permissions}
