"""Carrying out what was planned, one file per kind of subject. Everything here can be done twice without harm."""
