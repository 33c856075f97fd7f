"""Copies load balancers and target groups from the API, which moto answers, to the store.

Everything of a region is read again through our own port, the same for every SDK, after each
operation that may have changed something, before that operation is answered. What the store has is
replaced in one write.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict

from botocore.exceptions import BotoCoreError, ClientError

from tealmesh.apis.elasticloadbalancing.reading import read_region
from tealmesh.model.arn import Arn
from tealmesh.model.clients import Connect
from tealmesh.model.load_balancers import LoadBalancerBody, RegionBody, TargetGroupBody
from tealmesh.store import Store, Transaction, tables

log = logging.getLogger(__name__)

_ATTEMPTS = 3
_RETRY_SECONDS = 1.0


class Feed:
    """Keeps the store's copy of the load balancers."""

    def __init__(self, store: Store, connect: Connect) -> None:
        self._store = store
        self._connect = connect
        self._reading = asyncio.Lock()
        self._asked: defaultdict[str, int] = defaultdict(int)
        self._read: defaultdict[str, int] = defaultdict(int)
        self._behind = asyncio.Event()

    async def run(self) -> None:
        """Read again what may have changed while no control plane ran, and what could not be read
        after a change, until cancelled.
        """
        for document in self._store.view.list(tables.LOAD_BALANCER_REGIONS):
            await self.refresh(document.body["region"])
        while True:
            await self._behind.wait()
            await asyncio.sleep(_RETRY_SECONDS)
            self._behind.clear()
            for region, asked in list(self._asked.items()):
                if self._read[region] < asked:
                    await self.refresh(region)

    async def expect(self, region: str) -> None:
        """Remember that something may be about to change in a region, so that it is read again if
        the control plane is killed before it has been read.
        """

        body: RegionBody = {"region": region}

        def note(tx: Transaction) -> None:
            if tx.get(tables.LOAD_BALANCER_REGIONS, region) is None:
                tx.put(tables.LOAD_BALANCER_REGIONS, region, body=body)

        if self._store.view.get(tables.LOAD_BALANCER_REGIONS, region) is None:
            await self._store.write("tealmesh", "NoteRegion", note)

    async def changed(self, region: str) -> None:
        """Something in a region may have changed by another way than ELB's API: a stack."""
        await self.expect(region)
        await self.refresh(region)

    async def refresh(self, region: str) -> None:
        """Read a region. Changes made before this call are in the store when it returns; if they
        cannot be read, `run` tries again.
        """
        self._asked[region] += 1
        ours = self._asked[region]
        async with self._reading:
            if self._read[region] >= ours:
                return  # read by somebody who began after our change
            begun = self._asked[region]
            for _ in range(_ATTEMPTS):
                try:
                    found = await asyncio.to_thread(self._found, region)
                except (BotoCoreError, ClientError) as error:
                    # Something may have been deleted between two calls.
                    problem = error
                else:
                    await self._keep(region, *found)
                    self._read[region] = begun
                    return
            log.warning("the load balancers of %s cannot be read yet: %s", region, problem)
            self._behind.set()

    def _found(self, region: str) -> tuple[list[LoadBalancerBody], list[TargetGroupBody]]:
        return read_region(self._connect("elbv2", region))

    async def _keep(
        self, region: str, balancers: list[LoadBalancerBody], groups: list[TargetGroupBody]
    ) -> None:
        by_arn = {body["LoadBalancerArn"]: body for body in balancers}
        groups_by_arn = {body["TargetGroupArn"]: body for body in groups}

        def replace(tx: Transaction) -> None:
            for balancer in tx.list(tables.LOAD_BALANCERS):
                arn = balancer.body["LoadBalancerArn"]
                if arn not in by_arn and Arn.parse(arn).region == region:
                    tx.delete(tables.LOAD_BALANCERS, arn)
            for group in tx.list(tables.TARGET_GROUPS):
                arn = group.body["TargetGroupArn"]
                if arn not in groups_by_arn and Arn.parse(arn).region == region:
                    _delete_group(tx, arn)
            for arn, body in by_arn.items():
                present = tx.get(tables.LOAD_BALANCERS, arn)
                if present is None or present.body != body:
                    tx.put(tables.LOAD_BALANCERS, arn, body=body)
            for arn, group_body in groups_by_arn.items():
                present_group = tx.get(tables.TARGET_GROUPS, arn)
                if present_group is None or present_group.body != group_body:
                    tx.put(tables.TARGET_GROUPS, arn, body=group_body)

        await self._store.write("tealmesh", "ReadLoadBalancers", replace)


def _delete_group(tx: Transaction, arn: str) -> None:
    tx.delete(tables.TARGET_GROUPS, arn)
    for target in tx.list(tables.TARGETS, arn):
        tx.delete(tables.TARGETS, arn, f"{target.body['Id']}:{target.body['Port']}")
