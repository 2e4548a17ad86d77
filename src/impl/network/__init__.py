"""Releases and the register become evidence across studies: no data, no model, no sampler."""
