"""Logs that are followed: whoever goes away leaves nothing behind that waits for output."""

import tempfile
import threading
import time
from pathlib import Path

from devctl.settings import DevctlSettings
from tests.devctl.fleets import ADA, fleet_on, wanted
from tests.devctl.serve.services import Caller, serving, token_of

FOLLOWED = "/v1/environments/quiet/logs?follow=true"


def test_place_and_thread_of_a_follower_who_has_gone_are_free_though_nothing_is_printed(
    devctl_database: str, backend: str
) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="ds", dir="/tmp") as folder,
        fleet_on(backend, devctl_database) as fleet,
    ):
        thread = f"logs-{fleet.up(ADA, wanted(backend, 'quiet')).id}"
        settings = DevctlSettings.from_environment({}, folder=Path(folder), database_url=devctl_database)
        with serving(fleet, settings, sample_seconds=3_600, streams=1) as server:
            ada = Caller(server.url, token_of(server, ADA))
            going = ada.connection()
            going.request("GET", FOLLOWED, headers={"Authorization": f"Bearer {ada.token}"})
            deadline = time.monotonic() + 60
            while thread not in {one.name for one in threading.enumerate()}:  # its request has not come yet
                assert time.monotonic() < deadline
                time.sleep(0.05)
            going.close()
            assert server.service.streams.acquire(timeout=30)
            server.service.streams.release()
            while thread in {one.name for one in threading.enumerate()}:
                assert time.monotonic() < deadline
                time.sleep(0.05)
