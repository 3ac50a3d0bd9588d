"""What runs for years beside the devices: it reads them, and keeps PrintOS up to date through outages and restarts.

To be read in this order: attached, places, checks, tables, configuration; letters, layout, letter_file, reserve,
ownership, write_ahead, sqlite_pages, salvage, writing, outbox, any_outbox; clock, events, verdicts, schedule, pacing,
delivery; news, threads, watching; connection, service, running, facts, pages, process.
"""
