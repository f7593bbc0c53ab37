"""Licence tokens: what a grant says, signed, so that a device can rely on it without the service.

A token is a JWS (RFC 7515) in compact form, signed with Ed25519. `claims` says what is in it,
`keys` and `key_files` which keys sign and verify, `signer` makes tokens, and `verifier` checks
them. The verifier needs nothing else of this distribution: a device can carry it alone.
"""
