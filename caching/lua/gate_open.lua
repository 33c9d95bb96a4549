-- Opens the gate, whatever it holds.
-- KEYS: gate
return redis.call('UNLINK', KEYS[1])
