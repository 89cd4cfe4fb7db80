"""Faults of the wire: no connection, no handshake, and exchanges that break at any place."""

from dataclasses import replace
from typing import Final

from tests.network.canned import DONE, HTML, after_all, chunked, http, instead, with_headers
from tests.network.fault_row import IMPATIENT_S, Fault
from tests.network.tcp_proxy import End, Harm

ALL: Final = "60 created"
NONE: Final = "60 not sent"
_KIBI: Final = b"x" * 1024
_ENDLESS: Final = b"HTTP/1.1 201 Created\r\n" + b"".join(b"X-%d: %s\r\n" % (n, _KIBI) for n in range(16_384))


def _unknown(name: str, what: str, harm: Harm) -> Fault:
    """The first create is struck; it is looked up, and what is missing is sent again."""
    return Fault(name=name, what=what, attempt="unknown", records=ALL, status=0, harms={1: harm})


def _timeout(name: str, what: str, harm: Harm) -> Fault:
    """The first create meets the deadline."""
    return replace(_unknown(name, what, harm), timeout_s=IMPATIENT_S)


def _answered(name: str, what: str, harm: Harm) -> Fault:
    """It looks bad and is none."""
    return Fault(name=name, what=what, attempt="answered", records=ALL, status=0, harms={1: harm})


# fmt: off
BEFORE_THE_REQUEST: Final = (
    Fault(name="no_address", what="the host name has no address", attempt="not_sent", records="nothing read", status=7,
          url="https://no-such-host.invalid"),
    Fault(name="refused_at_once", what="nobody listens, from the beginning", attempt="not_sent",
          records="nothing read", status=7, url="http://127.0.0.1:1"),
    Fault(name="refused", what="nobody listens any more", attempt="not_sent", records=NONE, status=7,
          proxy={"once": True, "deaf_after": 2}),
    Fault(name="connect_timeout", what="the queue of connections is full", attempt="not_sent", records=NONE, status=7,
          proxy={"once": True, "deaf_after": 2, "crowded": True}, timeout_s=IMPATIENT_S),
    *(Fault(name=f"tls_{tls}", what=what, attempt="not_sent", records=NONE, status=4, tls=tls) for tls, what in (
        ("self_signed", "the certificate is signed by itself"),
        ("stranger", "the certificate is signed by an unknown authority"),
        ("other_host", "the certificate is another host's"),
        ("expired", "the certificate has expired"),
        ("not_yet", "the certificate is not valid yet"),
    )),
    *(Fault(name=f"tls_{tls}", what=what, attempt="not_sent", records=ALL, status=0, tls=tls) for tls, what in (
        ("reset", "the handshake is reset"),
        ("closed", "the handshake is closed in the middle"),
        ("plain_text", "the handshake is answered in plain HTTP"),
        ("no_common_cipher", "the handshake finds no cipher that both sides know"),
    )),
    Fault(name="tls_stalled", what="the handshake is never answered", attempt="not_sent", records=ALL, status=0,
          tls="stalled", timeout_s=IMPATIENT_S),
    Fault(name="tls_asks_for_ours", what="the server wants a certificate of ours and refuses after the handshake",
          attempt="unknown", records=ALL, status=0, tls="asks_for_ours"),
)
IN_THE_REQUEST: Final = (
    _unknown("reset_unread", "reset when the request comes", Harm(forward=0, end=End.RESET)),
    _unknown("keep_alive_race", "the idle connection is closed when the request comes", Harm(forward=0, end=End.CLOSE)),
    _unknown("reset_in_head", "reset after 100 bytes of the request", Harm(forward=100, end=End.RESET)),
    _unknown("closed_in_body", "closed after 1,000 bytes of the request", Harm(forward=1000, end=End.CLOSE)),
    _unknown("last_byte_lost", "reset before the last byte of the request", Harm(forward=-1, end=End.RESET)),
    _timeout("half_sent_stall", "half of the request arrives, then nothing more", Harm(forward=1000, end=End.STALL)),
    _unknown("half_closed", "the other side ends its half in the middle of the request",
             Harm(forward=1000, end=End.HALF)),
    Fault(name="fresh_connection_reset", what="reset when the request comes on a new connection", attempt="unknown",
          records=ALL, status=0, harms={1: Harm(forward=0, end=End.RESET)}, proxy={"once": True}),
    Fault(name="every_connection_reset", what="each create is reset, as often as it is sent", attempt="unknown",
          records="60 failed", status=1, harms=dict.fromkeys(range(1, 1_001), Harm(forward=0, end=End.RESET))),
)
NO_ANSWER: Final = (
    _timeout("swallowed", "the request is swallowed, and nothing answers", Harm(forward=0, end=End.STALL)),
    _timeout("done_and_silent", "all is done, and nothing answers", after_all(lambda _: b"", End.STALL)),
    _unknown("done_and_reset", "all is done, and the connection is reset", after_all(lambda _: b"", End.RESET)),
    _unknown("done_and_closed", "all is done, and the connection is closed", after_all(lambda _: b"", End.CLOSE)),
    _unknown("done_and_half_closed", "all is done, and the answering half is closed",
             after_all(lambda _: b"", End.HALF)),
    _timeout("answer_too_late", "the answer comes after the deadline", Harm(delay_s=0.6)),
    _answered("answer_late", "the answer comes late, and before the deadline", Harm(delay_s=0.05)),
)
CUT_ANSWERS: Final = (
    _unknown("cut_in_status", "reset in the status line", Harm(cut=8, end=End.RESET)),
    _unknown("cut_in_headers", "closed in the headers", Harm(cut=40, end=End.CLOSE)),
    _unknown("cut_in_body", "reset in the body", Harm(cut=2000, end=End.RESET)),
    _unknown("cut_before_the_last_byte", "closed before the last byte", Harm(cut=-1, end=End.CLOSE)),
    _unknown("half_closed_in_body", "half-closed in the body", Harm(cut=2000, end=End.HALF)),
    _timeout("stalled_in_headers", "the headers do not end", Harm(cut=40, end=End.STALL)),
    _timeout("stalled_in_body", "the body does not end", Harm(cut=2000, end=End.STALL)),
    _timeout("dripping", "a byte every 5 ms, without end", Harm(drip_s=0.005)),
    _unknown("cut_in_chunks", "closed before the last chunk",
             after_all(lambda real: chunked(real)[:-5], End.CLOSE)),
    _unknown("cut_without_length", "closed in a body without length",
             after_all(lambda real: with_headers(without=b"content-length")(real)[:-9], End.CLOSE)),
    _answered("chunked", "the answer comes in chunks", after_all(chunked)),
    _answered("without_length", "the answer has no length and ends with the connection",
              after_all(with_headers(without=b"content-length"), End.CLOSE)),
    _answered("half_closed_after", "half-closed after the answer", Harm(end=End.HALF)),
    _answered("reset_after", "reset after the answer", Harm(delay_s=0.0, end=End.CLOSE)),
)
NOT_HTTP: Final = (
    _unknown("another_protocol", "an answer in another protocol", instead(b"SSH-2.0-OpenSSH_9\r\n\r\n", End.CLOSE)),
    _unknown("http_2", "an answer in HTTP/2", instead(b"\0\0\x12\4\0\0\0\0\0" + b"\0" * 18, End.CLOSE)),
    _unknown("binary", "an answer of random bytes", instead(bytes(range(256)) * 4, End.CLOSE)),
    _unknown("html_without_head", "a page without status line or headers", instead(HTML, End.CLOSE)),
    _unknown("two_lengths", "two lengths that contradict", after_all(with_headers(b"Content-Length: 7"))),
    _unknown("length_and_chunks", "a length and chunks at once",
             after_all(with_headers(b"Transfer-Encoding: chunked"), End.CLOSE)),
    _unknown("negative_length", "a negative length",
             after_all(with_headers(b"Content-Length: -1", without=b"content-length"))),
    _unknown("length_too_small", "a length that ends in the body",
             after_all(with_headers(b"Content-Length: 300", without=b"content-length"))),
    _timeout("length_too_large", "a length beyond the body",
             after_all(with_headers(b"Content-Length: 999999", without=b"content-length"), End.STALL)),
    _unknown("bad_chunk", "a chunk whose length is no number",
             instead(b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n", End.CLOSE)),
    _unknown("long_header", "one header of 1 MB", after_all(with_headers(b"X-Long: " + _KIBI * 1024))),
    _unknown("many_headers", "10,000 headers", after_all(with_headers(*(b"X-%d: y" % n for n in range(10_000))))),
    _timeout("endless_headers", "16 MB of headers, and no end",
             after_all(lambda _: _ENDLESS, End.STALL)),
    _unknown("null_in_header", "a NUL in a header", after_all(with_headers(b"X-Odd: a\0b"))),
    _unknown("folded_smuggling", "a second answer hidden in a header",
             instead(b"HTTP/1.1 201 Created\r\nX-Odd: a\rHTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")),
)
MIXED_UP: Final = (
    _answered("two_answers", "the answer comes twice", after_all(lambda real: real + real)),
    _answered("answer_and_refusal", "a refusal follows the answer",
              after_all(lambda real: real + http("400 Bad Request"))),
    _unknown("answer_before_request", "an answer which names nothing comes before the request is read; all is done",
             Harm(first=True, reply=lambda _: http("201 Created", DONE), end=End.CLOSE)),
    Fault(name="out_of_step", what="from now on each request is answered with the answer to the one before it",
          attempt="unknown", records=ALL, status=0,
          harms={1: Harm(shift=True, reply=lambda _: http("201 Created", DONE))}),
    Fault(name="earlier_answer", what="all is made; the answer is an earlier request's", attempt="answered", nth=2,
          records=ALL, status=6, simulator=("wrong_reply@2",)),
    _unknown("answer_to_a_listing", "the answer is a listing",
             instead(http("200 OK", b'{"total":1,"results":[{"id":"7","properties":{"hs_name":"Campaign 1",'
                                    b'"hs_notes":"Note 1"},"createdAt":"2020-01-01T00:00:00Z"}]}'))),
    Fault(name="lookup_gets_answer_to_create", what="all is made, 504; both lookups get the answer to a create",
          attempt="unknown", records=ALL, status=0, simulator=("504_after_commit@1",), struck=b"/campaigns?",
          harms={2: instead(http("201 Created", DONE)), 3: instead(http("201 Created", DONE))}),
    Fault(name="lookup_gets_lost", what="all is made, 504; both lookups are reset", attempt="unknown", records=ALL,
          status=0, simulator=("504_after_commit@1",), struck=b"/campaigns?",
          harms={2: Harm(forward=0, end=End.RESET), 3: Harm(forward=0, end=End.RESET)}),
)
# fmt: on
WIRE_FAULTS: Final = (*BEFORE_THE_REQUEST, *IN_THE_REQUEST, *NO_ANSWER, *CUT_ANSWERS, *NOT_HTTP, *MIXED_UP)
