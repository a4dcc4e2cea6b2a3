-- Models that were trained, deployed, and taken back. What is deployed is the one that was deployed last and not withdrawn.
alter table models
    add column withdrawn_at timestamptz,
    -- What tells one set of data from another, so that nothing is trained twice.
    add column fingerprint bytea not null default ''::bytea;
create index models_deployed on models (deployed_at desc) where deployed_at is not null and withdrawn_at is null;
