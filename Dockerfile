# The gateway in a container:
#   docker build -t hushtone .
#   docker run --hostname gateway-1 --ulimit core=0 --ulimit memlock=8388608 --cap-drop ALL --read-only \
#     --env-file hushtone.env -v /etc/hushtone:/etc/hushtone:ro -p 8080:8080 -p 8081:8081 hushtone
# Name and limits are the container's, not the image's: without a host name that stays (or INSTANCE_ID), and without the
# first limit, `serve` refuses to start in production; without the second where the default is below SECRET_MEMORY_KIB.

FROM node:20-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY src src
COPY simulators simulators
COPY bench bench
RUN npm run build

FROM node:20-bookworm-slim
# Published ports lead to the container's own address, not to its loopback one.
ENV NODE_ENV=production HTTP_HOST=0.0.0.0 TELEPHONY_HOST=0.0.0.0
WORKDIR /srv/hushtone
COPY package.json package-lock.json ./
# pkcs11js is optional and compiles at install, for which this image lacks the tools: keys in a PKCS#11 token need them.
RUN npm ci --omit=dev
COPY openapi.yaml ./
COPY migrations migrations
COPY --from=build /build/dist/src dist/src
USER node
EXPOSE 8080 8081
ENTRYPOINT ["node", "dist/src/main.js"]
CMD ["serve"]
