"""The queue between Shop and MES, and the words both use in it."""
