# One image for web, worker, demo model and migrations: the command decides which (scripts/processes.py).

FROM node:20-slim AS frontend
WORKDIR /src/frontend
COPY frontend/package.json frontend/package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY frontend/ ./
RUN npm run build

FROM python:3.11-slim AS packages
RUN python -m venv /opt/venv
COPY requirements.txt ./
RUN /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check -r requirements.txt

FROM python:3.11-slim
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOLDFAST_DATA=/data \
    HOLDFAST_HOST=0.0.0.0 \
    HOLDFAST_PORT=8000
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin holdfast \
    && install --directory --owner holdfast --group holdfast --mode 700 /data
COPY --from=packages /opt/venv /opt/venv
WORKDIR /app
COPY manage.py LICENSE ./
COPY config/ config/
COPY agents/ agents/
COPY chat/ chat/
COPY demo/ demo/
COPY scripts/ scripts/
COPY --from=frontend /src/frontend/dist frontend/dist
# Gzip beside each file, which WhiteNoise hands to browsers that take it.
RUN python -m whitenoise.compress --quiet frontend/dist
USER 10001
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["python", "-m", "scripts.alive"]
CMD ["python", "-m", "scripts.processes", "web"]
