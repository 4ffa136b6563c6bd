-- 011: tenants that are on the WhatsApp Cloud API.

-- baileys or meta.
ALTER TABLE tenants ADD COLUMN gateway TEXT NOT NULL DEFAULT 'baileys';

-- Empty: the setting of this name in capitals, META_WA_...
ALTER TABLE tenants ADD COLUMN meta_phone_number_id TEXT;
ALTER TABLE tenants ADD COLUMN meta_access_token TEXT;
ALTER TABLE tenants ADD COLUMN meta_app_secret TEXT;
ALTER TABLE tenants ADD COLUMN meta_verify_token TEXT;

-- A webhook names its tenant by it.
CREATE UNIQUE INDEX tenants_meta ON tenants (meta_phone_number_id)
	WHERE meta_phone_number_id IS NOT NULL;
