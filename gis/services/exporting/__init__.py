"""What the maps show, to take away: tables of published figures with their headings and facts, and files made of them."""
