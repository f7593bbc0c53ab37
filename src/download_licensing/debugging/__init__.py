"""Debugging one customer: what happened, how things stood, and why.

Everything here reads; nothing decides for a customer or writes to their stream.
"""
