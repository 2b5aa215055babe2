# A stand-in for BigQuery's API, from the same pinned packages as the local stack.
FROM python:3.13-slim-bookworm
RUN useradd --create-home bigquery && mkdir /data && chown bigquery:bigquery /data
COPY lib/stack/artifacts/bigquery-requirements.txt /tmp/requirements.txt
RUN pip install --no-cache-dir --disable-pip-version-check -r /tmp/requirements.txt
USER bigquery
# DuckDB keeps its extensions under the user's home.
RUN python -c "from duckdb_extensions import import_extension as i; [i(e) for e in ('icu', 'ducklake', 'spatial')]"
EXPOSE 9050 9060
ENTRYPOINT ["local-bigquery", "--host", "0.0.0.0", "--port", "9050", "--grpc-port", "9060", "--data-dir", "/data"]
CMD ["--project", "millrace-local"]
