"""Which safeguards does the engine have? For each the engine without it: a mutant."""

from tests.model.mutation import Change, Mutant


def _lua(name: str, lacks: str, file: str, old: str, new: str) -> Mutant:
    return Mutant(name, lacks, (Change(file, old, new),))


def _python(name: str, lacks: str, where: str, old: str, new: str, *also: str) -> Mutant:
    return Mutant(name, lacks, (Change(where, old, new, also),))


_OWN_NONCE = "redis.call('HSET', {head}, 'nonce', ARGV[2])"


def _in_chain(condition: str) -> Change:
    """A script that brings rows only leaves the nonce as it is."""
    old = "    nonce = secrets.token_hex(8)\n"
    return Change(
        "caching.upkeep:Upkeep._chain", old,
        f"{old}    if {condition}:\n"
        "        return self._send(_Sent(script, keys, [self._nonce, nonce, *args], self._nonce))\n",
    )  # fmt: skip


_FENCE_APART = (
    '    """See :class:`Upkeep`."""\n',
    '    """See :class:`Upkeep`."""\n'
    "    if operations and fence_until_ms:\n"
    '        self.apply(operations, 0, "", 0)\n'
    "        operations = []\n",
)
_T0_FIRST = "    t0_us = _redis_now_us()\n    self._prove()\n    waiting = self._changes.waiting()\n"
_T0_LATE = "    self._prove()\n    waiting = self._changes.waiting()\n    t0_us = _redis_now_us()\n"

MUTANTS: tuple[Mutant, ...] = (
    # -- Late puts ----------------------------------------------------------------------------------------
    _lua(
        "version, rows", "an older version may replace a newer one",
        "entity_row.lua", "(stored[2] == version or older(version, stored[2]))", "false",
    ),
    _lua(
        "version, board", "an older version may replace a newer one",
        "board_rows.lua",
        "if older(row.version, version) or (row.version == version and position ~= '') then", "if false then",
    ),
    _lua(
        "epoch, rows", "a put of an epoch that is over is accepted",
        "entity_put.lua", "epoch == '' or epoch ~= ARGV[1] or", "epoch == '' or",
    ),
    _lua(
        "epoch, board", "a put of an epoch that is over is accepted",
        "board_put.lua", "epoch == '' or epoch ~= ARGV[1] or", "epoch == '' or",
    ),
    _python(
        "epoch known early", "the epoch is learned after the SELECT", "caching.writing:put_fresh",
        "        token = partition.token()\n        rows = read()\n",
        "        rows = read()\n        token = partition.token()\n", "caching.entity", "caching.board",
    ),
    _lua(
        "deadline, rows", "a put may come as late as it likes",
        "entity_put.lua", " or older(ARGV[2], time)", "",
    ),
    _lua(
        "deadline, board", "a put may come as late as it likes",
        "board_put.lua", " or older(ARGV[2], time)", "",
    ),
    _lua(
        "tombstone, rows", "a row that is gone leaves no version",
        "entity_row.lua", "redis.call('UNLINK', key)\n",
        "redis.call('UNLINK', key)\nif found ~= '1' then return 1 end\n",
    ),
    _lua(
        "tombstone, board", "a row that is gone leaves no version",
        "board_rows.lua",
        "append(metas, id, version .. '::')\n  append(buried, string.sub(time, 1, -4), id)",
        "redis.call('HDEL', META, id)",
    ),
    _lua(
        "tombstone's memory", "versions are forgotten before the deadline of a put",
        "board_rows.lua", "MEMORY_MS = 60000", "MEMORY_MS = 1000",
    ),
    _python(
        "end of life", "a tombstone has the version the writer knew, not the last of that life",
        "caching.declared:end_of_life", "return version | REVISION_BITS", "return version",
        "caching.entity", "caching.board",
    ),
    _python(
        "no fill in a transaction", "a read inside a transaction fills the cache",
        "caching.entity:EntityCache.read", "if in_transaction():", "if False:",
    ),
    _python(
        "single-flight", "who asks later gets the result of a read that began before",
        "caching.singleflight:SingleFlight.do", "    with self._lock:\n        leads",
        "    if key in self._running:\n        return self._running[key].result.result()\n"
        "    with self._lock:\n        leads",
    ),
    # -- The relay's scripts ------------------------------------------------------------------------------
    _lua(
        "nonce", "the relay goes on with whatever it finds",
        "relay_head.lua", "return 'foreign'", "return 'mine'",
    ),
    Mutant(
        "atomic batch, rows", "rows come in one script, nonce and fence in the next",
        (
            Change("entity_apply.lua", _OWN_NONCE.format(head="KEYS[1]"),
                   f"if ARGV[3] ~= '0' then {_OWN_NONCE.format(head='KEYS[1]')} end"),
            Change("caching.upkeep:EntityUpkeep.apply", *_FENCE_APART),
            _in_chain("script is APPLY_ENTITY and not args[0]"),
        ),
    ),
    Mutant(
        "atomic batch, board", "rows come in one script, nonce and fence in the next",
        (
            Change("board_apply.lua", _OWN_NONCE.format(head="HEAD"),
                   f"if ARGV[3] ~= '0' or ARGV[7] ~= '' then {_OWN_NONCE.format(head='HEAD')} end"),
            Change("caching.upkeep:BoardUpkeep.apply", *_FENCE_APART),
            _in_chain("script is APPLY_BOARD and not args[0] and not args[4]"),
        ),
    ),
    _lua(
        "absolute expiry", "the fence stands for B from when it is set",
        "relay_head.lua", "'PXAT', until_ms", "'PX', 2000",
    ),
    _lua(
        "fence, rows", "rows are served without a fence",
        "entity_read.lua", "redis.call('EXISTS', KEYS[1]) == 0", "false",
    ),
    _lua(
        "fence, board", "pages are served without a fence",
        "board_page.lua", "redis.call('EXISTS', KEYS[1]) == 0", "false",
    ),
    _lua(
        "fence, counts", "counts are served without a fence",
        "board_counts.lua", "redis.call('EXISTS', KEYS[1]) == 0", "false",
    ),
    # -- The relay's pass ---------------------------------------------------------------------------------
    _python(
        "t0 first", "the clock is read after the changes",
        "caching.relay:Relay.run_pass", _T0_FIRST, _T0_LATE,
    ),
    _python(
        "set of changes", "what a transaction logs that began before another's end is passed by",
        "caching.changes:ChangeLog.waiting", "self._over.running", "[]",
    ),
    _python(
        "floor", "the next batch begins where a full one should have gone on",
        "caching.changes:ChangeLog.delete", "if not waiting.more:", "if True:",
    ),
    _python(
        "exact delete", "changes that came meanwhile are deleted too", "caching.changes:ChangeLog.delete",
        "for change in waiting.changes]", "for change in self.waiting().changes]",
    ),
    _python(
        "removal, rows", "the relay removes no row that it no longer finds",
        "caching.upkeep:EntityUpkeep.operations", "self._cache.operations(mine) if mine",
        "[row for row in self._cache.operations(mine) if row.payload] if mine",
    ),
    _python(
        "removal, board", "the relay removes no row that it no longer finds",
        "caching.upkeep:BoardUpkeep.operations", "return self._cache.operations(versions)",
        "return [row for row in self._cache.operations(versions) if row.position]",
    ),
    _python(
        "leadership", "two relays lead at once",
        "caching.leadership:leadership", "if not cursor.fetchone()[0]:", "if False:", "caching.relay",
    ),
    _python(
        "counted once", "changes that the count has seen are counted again",
        "caching.counts:Counts.recount", "set(seen)", "set()",
    ),
    # -- Rebuilding ---------------------------------------------------------------------------------------
    _lua(
        "new epoch, rows", "a rebuild keeps the rows it finds",
        "entity_reset.lua", "redis.call('UNLINK', KEYS[1], KEYS[2])",
        "ARGV[1] = redis.call('HGET', KEYS[1], 'epoch') or ARGV[1]\nredis.call('UNLINK', KEYS[1], KEYS[2])",
    ),
    _lua(
        "rows cleared, board", "a rebuild keeps the rows it finds",
        "board_reset.lua",
        "redis.call('UNLINK', unpack(KEYS))", "redis.call('UNLINK', HEAD, KEYS[7], KEYS[8])",
    ),
    _python(
        "snapshot rebuild", "a rebuild deletes the changes it finds when it has loaded the rows",
        "caching.upkeep:BoardUpkeep.rebuild", "    return loaded\n",
        "    from caching.changes import ChangeLog\n    found = ChangeLog()\n"
        "    found.delete(found.waiting())\n    return loaded\n",
    ),
    _python(
        "rebuild starts over", "a rebuild that broke off counts as done", "caching.relay:Relay._rebuild",
        "            self._prove(now=True)",
        "            self._prove(now=True)\n            kept.to_rebuild.pop(upkeep)\n"
        "            kept.to_rebuild = type('', (dict,), {'__delitem__': dict.get})(kept.to_rebuild)",
    ),
    _lua(
        "larger horizon", "the horizon of a rebuild replaces a higher one",
        "board_apply.lua",
        "if ARGV[7] > (redis.call('HGET', HEAD, 'horizon') or '') then", "if ARGV[7] ~= '' then",
    ),
    # -- The board ----------------------------------------------------------------------------------------
    _lua(
        "horizon", "a page goes on below the horizon",
        "board_page.lua", "if not complete and", "if false and",
    ),
    _lua(
        "horizon rises", "what retention drops is not below the horizon", "board_rows.lua",
        "if position > (redis.call('HGET', HEAD, 'horizon') or '') then", "if false then",
    ),
    _python(
        "unclaimed are kept", "retention drops what must never leave", "caching.board:BoardCache.operation",
        "values[self.keep_facet] not in self.keep_values", "True",
    ),
    _lua(
        "horizon in the ETag", "a page keeps its ETag when the view is complete no longer",
        "board_page.lua", " .. (horizon == '0000000000' and 'a' or '')", "",
    ),
    _lua(
        "what was proven: rows", "a row that changed is the same to who knows it",
        "entity_read.lua", "epoch .. '-' .. row[2] == ARGV[3]", "(ARGV[3] or '') ~= ''",
    ),
    _lua(
        "what was proven: horizon", "what was shown holds although it reaches below the horizon by now",
        "board_page.lua", "(complete or ARGV[6] > horizon)", "true",
    ),
    _lua(
        "what was proven: counts", "counts that changed keep their ETag",
        "board_apply.lua", "'changed', time", "'changed', '0'",
    ),
    _lua(
        "generations", "a view that changed keeps its ETag",
        "board_rows.lua", "all('HSET', GENS, generations)", "",
    ),
)  # fmt: skip

#: What looks like a safeguard of truth and is none: without it the model finds nothing. See docs/proof.md.
OTHERS: tuple[Mutant, ...] = (
    _lua(
        "equal version", "a put of the version that retention dropped is refused",
        "board_rows.lua", "(row.version == version and position ~= '')", "row.version == version",
    ),
    _python(
        "no delete before a rebuild", "changes are deleted although a partition is still to be rebuilt",
        "caching.relay:Relay.run_pass",
        "    if any(kept.to_rebuild for kept in self._kept):\n        return True",
        "    if False:\n        return True",
    ),
    _lua(
        "reset drops the fence, rows", "a reset leaves the fence standing",
        "entity_reset.lua", "redis.call('UNLINK', KEYS[1], KEYS[2])",
        "redis.call('UNLINK', KEYS[1])",
    ),
    _lua(
        "reset drops the fence, board", "a reset leaves the fence standing",
        "board_reset.lua", "redis.call('UNLINK', unpack(KEYS))",
        "redis.call('UNLINK', HEAD, META, ROWS, INDEX, GENS, TOMBS, KEYS[8])",
    ),
    _python(
        "proof", "the leader doesn't ask whether it still leads",
        "caching.leadership:Leadership.prove",
        "    if connection.connection", "    return\n    if connection.connection",
    ),
)  # fmt: skip
