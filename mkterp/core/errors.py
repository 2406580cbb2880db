"""What a service says when it says no."""


class Refused(Exception):
    """A service refused a request, in words fit for the person who made it.

    Nothing was changed when it is raised.
    """
