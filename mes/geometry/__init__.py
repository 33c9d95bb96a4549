"""From a 3D file to a solid: reading each format, making a solid of it, measuring it, drawing it.

``measuring`` is the door. Behind it each file imports only what stands further right: ``measuring`` >
``reading`` and ``solid`` and ``drawing`` > one reader a format > ``parts`` > ``answers``.
"""

#: Raise it when a file's solid, its refusal or its picture comes out differently: what was measured before is
#: measured again (``mes.measurements``).
EDITION = 1
