"""From a 3D file to a solid: reading each format, making a solid of it, measuring it, drawing it.

``measuring`` is the door. Behind it each file imports only what stands further right: ``measuring`` >
``reading`` and ``solid`` and ``drawing`` > one reader a format > ``parts`` > ``answers``.
"""
