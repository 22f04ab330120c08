create table if not exists order_facts (
    order_key text not null,
    kind text not null,
    position bigint primary key,
    event_id text not null,
    subject bigint,
    effective_at timestamptz not null,
    hour timestamptz not null,
    day date not null,
    source uuid not null,
    channel text not null,
    brand text,
    store text,
    campaign text,
    coupon text,
    currency text,
    total numeric,
    discount numeric,
    tax numeric,
    shipping numeric,
    units numeric not null,
    reason text,
    refund text,
    promised_at timestamptz,
    lines text
);

create index if not exists order_facts_of_order
on order_facts (order_key);

create table if not exists reward_facts (
    position bigint primary key,
    event_id text not null,
    kind text not null,
    subject bigint,
    effective_at timestamptz not null,
    hour timestamptz not null,
    day date not null,
    source uuid not null,
    channel text not null,
    brand text,
    order_key text,
    coupon text,
    campaign text,
    campaign_type text,
    currency text,
    points numeric not null,
    amount numeric not null
);

create index if not exists reward_facts_of_kind
on reward_facts (kind, day);

create table if not exists cost_facts (
    position bigint primary key,
    event_id text not null,
    kind text not null,
    effective_at timestamptz not null,
    hour timestamptz not null,
    day date not null,
    source uuid not null,
    channel text not null,
    brand text,
    campaign text,
    network text,
    product text,
    currency text,
    amount numeric not null,
    clicks numeric not null,
    impressions numeric not null
);

create index if not exists cost_facts_of_product
on cost_facts (product, effective_at)
where product is not null;

create table if not exists rate_facts (
    position bigint primary key,
    event_id text not null,
    effective_at timestamptz not null,
    day date not null,
    source uuid not null,
    currency text not null,
    base text not null,
    rate numeric not null
);

create table if not exists orders (
    order_key text primary key,
    state text not null,
    subject bigint,
    effective_at timestamptz not null,
    event_id text not null,
    day date not null,
    source uuid not null,
    channel text not null,
    brand text,
    store text,
    campaign text,
    coupon text,
    currency text,
    gross numeric,
    discount numeric not null,
    tax numeric not null,
    shipping numeric not null,
    units numeric not null,
    cancelled numeric not null,
    refunded numeric not null,
    net numeric,
    cancel_reason text,
    refund_reason text,
    return_reason text,
    cancelled_at timestamptz,
    refunded_at timestamptz,
    returned_at timestamptz,
    paid_at timestamptz,
    shipped_at timestamptz,
    promised_at timestamptz,
    delivered_at timestamptz,
    touchpoints bigint not null
);

create table if not exists placements (
    order_key text primary key,
    subject bigint,
    effective_at timestamptz not null,
    event_id text not null,
    purchase boolean not null
);

create index if not exists placements_of_subject
on placements (subject);

create table if not exists buyers (
    profile text not null,
    order_key text not null,
    effective_at timestamptz not null,
    event_id text not null,
    customer text not null,
    first boolean not null,
    primary key (profile, order_key)
);

create index if not exists buyers_of_order
on buyers (order_key);

create table if not exists movements (
    order_key text not null,
    kind text not null,
    effective_at timestamptz not null,
    event_id text not null,
    position bigint not null,
    hour timestamptz not null,
    day date not null,
    source uuid not null,
    channel text not null,
    brand text,
    store text,
    campaign text,
    currency text,
    profile text,
    customer text not null,
    reason text,
    amount numeric not null,
    units numeric not null,
    discount numeric not null,
    tax numeric not null,
    shipping numeric not null,
    first boolean not null,
    late boolean
);

create index if not exists movements_of_order
on movements (order_key);

create index if not exists movements_of_day
on movements (day);

create index if not exists movements_of_profile
on movements (profile, day, currency)
where kind = 'sale' and amount > 0;

create table if not exists lines (
    order_key text not null,
    kind text not null,
    line bigint not null,
    effective_at timestamptz not null,
    event_id text not null,
    position bigint not null,
    hour timestamptz not null,
    day date not null,
    source uuid not null,
    channel text not null,
    brand text,
    store text,
    campaign text,
    currency text,
    profile text,
    customer text not null,
    reason text,
    product text,
    category text,
    product_brand text,
    department text,
    quantity numeric not null,
    amount numeric not null,
    discount numeric not null,
    firsts bigint not null
) with (autovacuum_vacuum_insert_scale_factor = 0.02);

create index if not exists lines_of_order
on lines (order_key);

create index if not exists lines_of_day
on lines (day);

create index if not exists lines_of_product
on lines (product, day);

create index if not exists lines_of_buyers
on lines (product, profile) include (day)
where kind = 'sale' and quantity > 0 and amount > 0;

create index if not exists lines_of_category
on lines (category, profile) include (day, order_key)
where kind = 'sale' and quantity > 0 and amount > 0;

create table if not exists contents (
    position bigint not null,
    effective_at timestamptz not null,
    hour timestamptz not null,
    day date not null,
    source uuid not null,
    product bytea not null,
    category bytea not null,
    product_brand bytea not null,
    department bytea not null,
    order_key text primary key,
    event_id text not null,
    channel text not null,
    brand text,
    store text,
    campaign text,
    currency text,
    profile text,
    customer text not null
);

create index if not exists contents_of_day
on contents (day);

create table if not exists hourly (
    hour timestamptz not null,
    day date not null,
    channel text not null,
    source uuid not null,
    brand text,
    campaign text,
    currency text,
    customer text not null,
    reason text,
    kind text not null,
    purchase boolean not null,
    first boolean not null,
    late boolean,
    rows bigint not null,
    amount numeric not null,
    units numeric not null,
    discount numeric not null,
    tax numeric not null,
    shipping numeric not null,
    unique nulls not distinct (
        hour, day, channel, source, brand, campaign, currency, customer, reason, kind, purchase, first, late
    )
);

create table if not exists daily (
    day date not null,
    channel text not null,
    source uuid not null,
    brand text,
    store text,
    campaign text,
    currency text,
    customer text not null,
    reason text,
    kind text not null,
    purchase boolean not null,
    first boolean not null,
    late boolean,
    rows bigint not null,
    amount numeric not null,
    units numeric not null,
    discount numeric not null,
    tax numeric not null,
    shipping numeric not null,
    unique nulls not distinct (
        day, channel, source, brand, store, campaign, currency, customer, reason, kind, purchase, first, late
    )
);

create table if not exists buyer_months (
    month date not null,
    profile text,
    channel text not null,
    source uuid not null,
    brand text,
    currency text,
    customer text not null,
    kind text not null,
    purchase boolean not null,
    first boolean not null,
    late boolean,
    rows bigint not null,
    amount numeric not null,
    units numeric not null,
    discount numeric not null,
    tax numeric not null,
    shipping numeric not null,
    unique nulls not distinct (
        month, profile, channel, source, brand, currency, customer, kind, purchase, first, late
    )
);

create table if not exists buyer_weeks (
    split_week date not null,
    profile text,
    channel text not null,
    source uuid not null,
    brand text,
    currency text,
    customer text not null,
    kind text not null,
    purchase boolean not null,
    first boolean not null,
    late boolean,
    rows bigint not null,
    amount numeric not null,
    units numeric not null,
    discount numeric not null,
    tax numeric not null,
    shipping numeric not null,
    unique nulls not distinct (
        split_week, profile, channel, source, brand, currency, customer, kind, purchase, first, late
    )
);

create table if not exists categories (
    day date not null,
    channel text not null,
    source uuid not null,
    brand text,
    campaign text,
    currency text,
    customer text not null,
    reason text,
    category text,
    product_brand text,
    department text,
    kind text not null,
    sold boolean not null,
    rows bigint not null,
    quantity numeric not null,
    amount numeric not null,
    discount numeric not null,
    orders bigint not null,
    orders_of_category bigint not null,
    orders_of_product_brand bigint not null,
    orders_of_department bigint not null,
    unique nulls not distinct (
        day, channel, source, brand, campaign, currency, customer, reason, category, product_brand, department, kind,
        sold
    )
);

create table if not exists category_months (
    month date not null,
    channel text not null,
    source uuid not null,
    brand text,
    campaign text,
    currency text,
    customer text not null,
    reason text,
    category text,
    product_brand text,
    department text,
    kind text not null,
    sold boolean not null,
    rows bigint not null,
    quantity numeric not null,
    amount numeric not null,
    discount numeric not null,
    orders bigint not null,
    orders_of_category bigint not null,
    orders_of_product_brand bigint not null,
    orders_of_department bigint not null,
    unique nulls not distinct (
        month, channel, source, brand, campaign, currency, customer, reason, category, product_brand, department,
        kind, sold
    )
);

create table if not exists store_years (
    year date not null,
    store text,
    channel text not null,
    source uuid not null,
    brand text,
    currency text,
    customer text not null,
    category text,
    product_brand text,
    department text,
    kind text not null,
    sold boolean not null,
    rows bigint not null,
    quantity numeric not null,
    amount numeric not null,
    discount numeric not null,
    orders bigint not null,
    orders_of_category bigint not null,
    orders_of_product_brand bigint not null,
    orders_of_department bigint not null,
    unique nulls not distinct (
        year, store, channel, source, brand, currency, customer, category, product_brand, department, kind, sold
    )
);

create table if not exists buyer_years (
    year date not null,
    profile text,
    channel text not null,
    source uuid not null,
    brand text,
    currency text,
    customer text not null,
    category text,
    product_brand text,
    department text,
    kind text not null,
    sold boolean not null,
    rows bigint not null,
    quantity numeric not null,
    amount numeric not null,
    discount numeric not null,
    orders bigint not null,
    orders_of_category bigint not null,
    orders_of_product_brand bigint not null,
    orders_of_department bigint not null,
    unique nulls not distinct (
        year, profile, channel, source, brand, currency, customer, category, product_brand, department, kind, sold
    )
);

create index if not exists buyer_years_of_category
on buyer_years (category, profile) include (year)
where sold;

create index if not exists buyer_years_of_department
on buyer_years (department, profile) include (year)
where sold;

create table if not exists buyer_lines (
    month date not null,
    profile text,
    channel text not null,
    source uuid not null,
    brand text,
    currency text,
    customer text not null,
    kind text not null,
    sold boolean not null,
    rows bigint not null,
    quantity numeric not null,
    amount numeric not null,
    discount numeric not null,
    orders bigint not null,
    unique nulls not distinct (month, profile, channel, source, brand, currency, customer, kind, sold)
);

create table if not exists products (
    month date not null,
    product text,
    channel text not null,
    source uuid not null,
    brand text,
    currency text,
    customer text not null,
    category text,
    product_brand text,
    department text,
    kind text not null,
    sold boolean not null,
    rows bigint not null,
    quantity numeric not null,
    amount numeric not null,
    discount numeric not null,
    orders_of_product bigint not null,
    unique nulls not distinct (
        month, product, channel, source, brand, currency, customer, category, product_brand, department, kind, sold
    )
);

create table if not exists product_years (
    year date not null,
    product text,
    channel text not null,
    source uuid not null,
    brand text,
    currency text,
    customer text not null,
    category text,
    product_brand text,
    department text,
    kind text not null,
    sold boolean not null,
    rows bigint not null,
    quantity numeric not null,
    amount numeric not null,
    discount numeric not null,
    orders_of_product bigint not null,
    unique nulls not distinct (
        year, product, channel, source, brand, currency, customer, category, product_brand, department, kind, sold
    )
);

create table if not exists product_buyers (
    year date not null,
    product text,
    identified boolean not null,
    kind text not null,
    sold boolean not null,
    profile text,
    rows bigint not null,
    quantity numeric not null,
    amount numeric not null,
    discount numeric not null,
    orders_of_product bigint not null,
    unique nulls not distinct (year, product, identified, kind, sold, profile)
);

create index if not exists product_buyers_of_product
on product_buyers (product, profile) include (year)
where sold;

create table if not exists product_customers (
    year date not null,
    product text,
    identified boolean not null,
    kind text not null,
    sold boolean not null,
    customers bigint not null,
    unique nulls not distinct (year, product, identified, kind, sold)
);

create table if not exists baskets (
    order_key text not null,
    hour timestamptz not null,
    day date not null,
    profile text,
    channel text not null,
    source uuid not null,
    brand text,
    store text,
    campaign text,
    currency text,
    customer text not null,
    reason text,
    kind text not null,
    sold boolean not null,
    rows bigint not null,
    quantity numeric not null,
    amount numeric not null,
    discount numeric not null,
    orders bigint not null,
    unique nulls not distinct (
        order_key, hour, day, profile, channel, source, brand, store, campaign, currency, customer, reason, kind,
        sold
    )
);

create index if not exists baskets_of_day
on baskets (day);
