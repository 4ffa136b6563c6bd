-- 016: messages that are more than a text.

-- As the Cloud API takes it: {"type":"image","image":{"link":"https://..."}}.  A
-- template without components gets the text as its one parameter.  body is what the
-- history shows.
ALTER TABLE scheduled_messages ADD COLUMN content TEXT;
ALTER TABLE broadcasts ADD COLUMN content TEXT;
