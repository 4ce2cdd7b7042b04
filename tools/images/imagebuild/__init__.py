"""Builds the container images of the project without any image registry, and the models of the development server.

Everything that is fetched (Debian packages, wheels) is fetched once, outside the builds, by the host's own clients with
the host's own settings, and kept in a cache; a build itself runs without a network. So no address, no proxy and no
certificate authority of this machine can end up in an image. Standard library only: it runs before any environment
exists.
"""
