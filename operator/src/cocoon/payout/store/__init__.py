"""What the payout service keeps: tables, migrations, and the one connection that writes."""
