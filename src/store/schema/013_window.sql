-- 013: outside WhatsApp's 24-hour window a message is a template, or is held.

-- A template whose one parameter is the text; empty: messages are held.
ALTER TABLE tenants ADD COLUMN meta_template TEXT;
ALTER TABLE tenants ADD COLUMN meta_template_language TEXT;

-- Since when a row waits for its customer to write; 0: it does not.  Its message is
-- there, "pending" with reason "window"; due_us is when it is given up.  An answer that
-- is held gets a row, too.
ALTER TABLE scheduled_messages ADD COLUMN held_us INTEGER NOT NULL DEFAULT 0;
CREATE INDEX scheduled_held ON scheduled_messages (tenant_id, who) WHERE held_us > 0;
