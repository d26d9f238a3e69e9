CREATE CONSTRAINT custom_image_id IF NOT EXISTS FOR (n:CustomImage) REQUIRE n.id IS UNIQUE;
CREATE INDEX custom_image_owner IF NOT EXISTS FOR (n:CustomImage) ON (n.owner);
