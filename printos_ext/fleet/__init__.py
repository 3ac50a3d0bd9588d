"""A fleet of more than one machine: sites put statuses on NATS JetStream, forwarders send them to PrintOS.

To be read in this order: names, sharing, rates; access, ending, link, streams, following; shelves, attending, refused,
posting, outbox; asking, site; provisioning, presence, opening, forwarding; status.
"""
