-- %NAME% is replaced: each run has tables of its own.
CREATE TABLE %NAME%_customers (id bigint PRIMARY KEY, name text NOT NULL, country text NOT NULL);
CREATE TABLE %NAME%_orders (id bigint PRIMARY KEY, customer_id bigint NOT NULL, status text NOT NULL, placed_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE %NAME%_prices (product_id bigint, currency text, price numeric(10, 2) NOT NULL, PRIMARY KEY (product_id, currency));
CREATE TABLE %NAME%_order_items (order_id bigint, line integer, product_id bigint NOT NULL, currency text NOT NULL, quantity integer NOT NULL, PRIMARY KEY (order_id, line));
