"""Why a connection came to nothing, in words for a log. Drivers wrap what happened and say only `ConnectionError`."""

import socket
import ssl
from collections.abc import Iterator

#: OpenSSL's X509_V_ERR_CERT_HAS_EXPIRED.
EXPIRED = 10


def reason(problem: BaseException) -> str:
    """The cause that says most, found behind whatever it was wrapped in. Names no passwords."""
    chain = list(_behind(problem, set()))
    for told in (_by_type, _by_name):
        for one in reversed(chain):  # what happened first is at the end
            if text := told(one):
                return text
    told_most = next((one for one in chain if str(one)), problem)
    return f"{type(told_most).__name__}: {told_most}" if str(told_most) else type(told_most).__name__


def _behind(problem: BaseException | None, seen: set[int]) -> Iterator[BaseException]:
    while problem is not None and id(problem) not in seen:
        seen.add(id(problem))
        if isinstance(problem, BaseExceptionGroup):
            for one in problem.exceptions:
                yield from _behind(one, seen)
        else:
            yield problem
        problem = problem.__cause__ or (None if problem.__suppress_context__ else problem.__context__)


def _by_type(problem: BaseException) -> str:
    if isinstance(problem, ssl.SSLCertVerificationError):
        if problem.verify_code == EXPIRED:
            return "its certificate has expired"
        return f"its certificate is not accepted: {problem.verify_message}"
    if isinstance(problem, ssl.SSLError):
        if "CERTIFICATE_EXPIRED" in (problem.reason or ""):
            return "it does not accept our certificate, which has expired"
        return f"TLS failed: {problem.reason or problem}"
    if isinstance(problem, socket.gaierror):
        return f"its host name cannot be resolved: {problem.strerror}"
    if isinstance(problem, ConnectionRefusedError):
        return "nothing listens there"
    return ""


def _by_name(problem: BaseException) -> str:
    # The drivers' own errors: redis-py's and coredis', which agree on their names.
    name, text = type(problem).__name__, str(problem)
    if name.startswith("Authentication") or text.startswith(("WRONGPASS", "NOAUTH")):
        return f"user or password are refused ({text})" if text else "user or password are refused"
    if name in ("MovedError", "ClusterDownError") or text.startswith(("MOVED ", "CLUSTERDOWN")):
        return "it is a node of a cluster, which is not supported"
    if name in ("NoPermissionError", "AuthorizationError") or text.startswith("NOPERM"):
        return f"its ACL forbids a command that is needed ({text})"
    if isinstance(problem, TimeoutError) or name == "TimeoutError":
        return f"it does not answer in time ({text})" if text else "it does not answer in time"
    return ""
