"""What runs for years beside the devices: it reads them, and keeps PrintOS up to date through outages and restarts.

To be read in this order: attached, places, checks, tables, configuration; letters, layout, leases, queries, ownership,
reserve, letter_file, write_ahead, sqlite_pages, remains, salvage, writing, outbox, looking, any_outbox; clock, events,
verdicts, schedule, pacing, delivery; news, threads, watching; connection, service, running, facts, pages, process.
"""
