"""What runs for years beside the devices: it reads them, and keeps PrintOS up to date through outages and restarts.

To be read in this order: attached, places, configuration, letters, letter_file, outbox, clock, events, verdicts,
schedule, pacing, delivery, news, watching, connection, service, running, facts, pages, process.
"""
