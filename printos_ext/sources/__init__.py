"""Ways to read a device: IPP, SNMP, JSON, a simulated press, a recording. Each is a `Source` that gives `Reading`s.

What is on the wire becomes a reading in a module of its own, without I/O: bytes or rows in, `Reading` out.
"""
