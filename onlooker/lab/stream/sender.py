"""Stands that send: a thread that publishes a frame of each stand every tenth of a second, at real pace."""

import threading
import time
from collections.abc import Sequence

from onlooker.lab.stream.input import FRAMES_PER_S
from producers.options import PublishOptions
from producers.publish.in_flight import Message
from producers.publish.pictures import Encoded
from producers.publish.publisher import KafkaClient
from producers.publish.publishing import Publisher
from schemas.broker import BrokerOptions
from schemas.errors import OnlookerError
from schemas.events import FrameCaptured
from schemas.message import About
from schemas.wire.codec import AvroCodec
from schemas.wire.registry import FileRegistry

PERIOD_S = 1 / FRAMES_PER_S
FAR_APART = 37
"""Each stand begins so many frames later in the footage than the one before."""


class Sender:
    """Publishes frames of as many stands as it is told to, through the publisher of `capture`.

    Args:
        kafka: the site.
        options: of the publisher.
        pictures: the footage, shown over and over.
    """

    def __init__(self, kafka: BrokerOptions, options: PublishOptions, pictures: Sequence[Encoded]) -> None:
        self._publisher = Publisher(lambda: KafkaClient(kafka, options, ("frames",)), options)
        self._pictures = pictures
        self._codec = AvroCodec(FileRegistry())
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sender", daemon=True)
        self._failure: OnlookerError | None = None
        self.stands = 0
        """How many stands send now; may be set at any time."""
        self.sent: list[int] = []
        """Capture times of all frames so far, us UTC."""
        self.refused = 0
        """Frames for which the publisher had no room."""

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def check(self) -> None:
        """Complain when sending has failed."""
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """End, and let the broker go."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            begun_s, index = time.monotonic(), 0
            while not self._stop.is_set():
                self._send_tick(begun_s + index * PERIOD_S, index)
                index += 1
        except OnlookerError as error:
            self._failure = error
        finally:
            self._publisher.close(1.0)

    def _send_tick(self, at_s: float, index: int) -> None:
        """One frame of every stand, spread over the tenth of a second as those of cameras are."""
        stands = self.stands
        for stand in range(stands):
            due_s = at_s + stand / stands * PERIOD_S
            if self._stop.wait(max(0.0, due_s - time.monotonic())):
                return
            self._send(stand, index)
            self._publisher.settled()
        self._stop.wait(max(0.0, at_s + PERIOD_S - time.monotonic()))

    def _send(self, stand: int, index: int) -> None:
        picture = self._pictures[(index + stand * FAR_APART) % len(self._pictures)]
        now_us = time.time_ns() // 1000
        frame = FrameCaptured(
            stand_id=stand_name(stand),
            camera_id="camera-1",
            frame_index=index,
            t_us=now_us,
            width_px=picture.width_px,
            height_px=picture.height_px,
            encoding=picture.encoding,
            picture=picture.picture,
        )
        about = About(producer="bench", produced_us=now_us, captured_us=now_us)
        message = Message(
            topic="frames", stand_id=frame.stand_id, value=self._codec.encode(frame), about=about
        )
        self.sent.append(now_us)
        self.refused += not self._publisher.offer(message)


def stand_name(number: int) -> str:
    """The id of the n-th stand, from 0."""
    return f"stand-{number:05d}"
