# syntax=docker/dockerfile:1
# The studio in a container.
#
#   docker build -t melisma .                               # for the CPU
#   docker build -t melisma:cuda --build-arg TORCH=cu128 .  # for NVIDIA cards; the host needs only its driver
#
# A container can only be reached over a network, so it asks for accounts: the passcode of the first one is in its log.
ARG PYTHON=3.12
ARG NODE=22

# --- The page
FROM node:${NODE}-bookworm-slim AS page
WORKDIR /src/web
COPY web/package.json web/package-lock.json web/.npmrc ./
RUN npm ci --loglevel=error
COPY web/ ./
RUN npm run --silent build -- --logLevel warn

# --- The program
FROM python:${PYTHON}-slim-bookworm AS program
# How PyTorch calls the platform: cpu, or a version of CUDA as in cu128.
ARG TORCH=cpu
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
RUN python -m venv /opt/melisma
ENV PATH=/opt/melisma/bin:$PATH
WORKDIR /src
COPY constraints.txt ./
RUN --mount=type=cache,target=/root/.cache/pip \
    pip install -c constraints.txt --index-url "https://download.pytorch.org/whl/${TORCH}" torch
COPY pyproject.toml README.md LICENSE ./
COPY melisma ./melisma
COPY --from=page /src/melisma/studio/page ./melisma/studio/page
RUN --mount=type=cache,target=/root/.cache/pip \
    pip install -c constraints.txt ".[studio,postgres,voice]"

# --- What runs
FROM python:${PYTHON}-slim-bookworm
RUN useradd --uid 1000 --create-home melisma && install --directory --owner=melisma --group=melisma /data
COPY --from=program /opt/melisma /opt/melisma
ENV PATH=/opt/melisma/bin:$PATH \
    MELISMA_HOME=/data \
    MELISMA_STUDIO_LAN=true \
    MELISMA_STUDIO_LOG_FORMAT=json \
    PYTHONUNBUFFERED=1
USER melisma
WORKDIR /data
VOLUME /data
EXPOSE 7788
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:7788/health', timeout=4)"]
ENTRYPOINT ["melisma"]
CMD ["studio", "--no-browser"]
