"""HTTP manners that every API and page shares."""
