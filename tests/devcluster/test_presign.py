from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

from devcluster.presign import Credentials, presign

# The example of AWS, "Authenticating Requests: Using Query Parameters (AWS Signature Version 4)".
AWS = Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
NOW = datetime(2013, 5, 24, tzinfo=UTC)
OBJECT = "https://examplebucket.s3.amazonaws.com/test.txt"


def signature(url: str) -> str:
    return parse_qs(urlsplit(url).query)["X-Amz-Signature"][0]


def test_the_documented_example() -> None:
    url = presign(AWS, "GET", OBJECT, NOW, 86400)
    assert signature(url) == "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    assert "X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&" in url
    assert "X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&" in url


def test_all_that_is_signed_changes_the_signature() -> None:
    urls = [
        presign(AWS, "GET", OBJECT, NOW),
        presign(AWS, "PUT", OBJECT, NOW),
        presign(AWS, "GET", OBJECT + "2", NOW),
        presign(AWS, "GET", OBJECT, NOW, 60),
        presign(AWS, "GET", OBJECT, NOW.replace(hour=1)),
        presign(Credentials(AWS.access_key, AWS.secret_key, "eu-west-1"), "GET", OBJECT, NOW),
        presign(Credentials(AWS.access_key, "other"), "GET", OBJECT, NOW),
    ]
    assert len({signature(url) for url in urls}) == len(urls)


def test_names_are_encoded_once() -> None:
    assert "/b/a%20b~%C3%B6%2B%25.txt?" in presign(AWS, "GET", "https://host/b/a b~ö+%.txt", NOW)


def test_a_name_may_hold_what_a_url_would_cut() -> None:
    assert "/b/what%3F%23.txt?" in presign(AWS, "GET", "https://host/b/what?#.txt", NOW)
