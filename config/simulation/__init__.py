"""How the running site is put to work by clients, partners and operators who call it over HTTP."""
