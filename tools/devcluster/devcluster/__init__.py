"""A real Kubernetes on one Linux machine, for development and tests: see README.md beside this package."""

from devcluster.api_server import ApiServer, Wishes, api_server
from devcluster.errors import DevclusterError

__all__ = ["ApiServer", "DevclusterError", "Wishes", "api_server"]
