%% Cowboy's own Erlang handler: a process for each request, as cowboy_handler gives it.
-module(bench_handler).
-behaviour(cowboy_handler).

-include_lib("kernel/include/logger.hrl").

-export([init/2, websocket_handle/2, websocket_info/2]).

init(Req = #{path := <<"/ws">>}, Options) ->
    {cowboy_websocket, Req, Options};
init(Req = #{path := Path, qs := Qs}, Options) ->
    {ok, answer(bench_work:plan(Path, Qs, Req), Req, Options), Options}.

%% Each message goes back as it is.
websocket_handle(Message = {binary, _}, Options) ->
    {[Message], Options}.

websocket_info(_, Options) ->
    {[], Options}.

answer({reply, Headers, Body}, Req, _) ->
    reply(Headers, Body, Req);
answer({generate, Bytes}, Req, _) ->
    generate(Bytes, Req);
answer({file, Name}, Req, #{files := Files}) ->
    Path = filename:join(Files, Name),
    reply(#{}, {sendfile, 0, bench_work:file_size(Path), Path}, Req);
answer(upload, Req, _) ->
    upload(cowboy_req:read_body(Req), crypto:hash_init(sha256));
answer(json, Req0, _) ->
    {ok, Body, Req} = cowboy_req:read_body(Req0),
    reply(#{}, bench_json:recode(Body), Req);
answer(burn, Req, #{burn := Turns}) ->
    _ = bench_work:burn(Turns),
    reply(#{}, <<"burnt\n">>, Req);
answer({burn_for, Ms}, Req, _) ->
    bench_work:burn_for(Ms),
    reply(#{}, <<"burnt\n">>, Req);
answer({drip, Ms}, Req0, _) ->
    Req = cowboy_req:stream_reply(200, Req0),
    bench_work:do_for(Ms, fun() -> cowboy_req:stream_body(<<"x">>, nofin, Req) end),
    cowboy_req:stream_body(<<>>, fin, Req),
    Req;
answer({log, Ms}, Req = #{path := Path}, _) ->
    bench_work:do_for(Ms, fun() -> ?LOG_INFO("bench: a line in the log path=~ts", [Path]) end),
    reply(#{}, <<"said\n">>, Req);
answer({sleep, Ms}, Req, _) ->
    timer:sleep(Ms),
    reply(#{}, <<"slept\n">>, Req);
answer(sse, Req0, _) ->
    Req = cowboy_req:stream_reply(200, #{<<"content-type">> => <<"text/event-stream">>}, Req0),
    cowboy_req:stream_body(<<": hello\n\n">>, nofin, Req),
    %% Until the client leaves: Cowboy ends this process then.
    receive never -> Req end.

reply(Headers, Body, Req) ->
    cowboy_req:reply(200, Headers#{<<"content-type">> => bench_work:type()}, Body, Req).

%% Small enough for one piece, or streamed.
generate(Bytes, Req) when Bytes =< 262144 ->
    Block = bench_work:block(),
    Body = lists:duplicate(Bytes div byte_size(Block), Block),
    reply(#{}, [Body, binary:part(Block, 0, Bytes rem byte_size(Block))], Req);
generate(Bytes, Req0) ->
    Req = cowboy_req:stream_reply(200, #{<<"content-type">> => bench_work:type(),
        <<"content-length">> => integer_to_binary(Bytes)}, Req0),
    generate(Bytes, bench_work:block(), Req).

generate(Bytes, Block, Req) when Bytes > byte_size(Block) ->
    cowboy_req:stream_body(Block, nofin, Req),
    generate(Bytes - byte_size(Block), Block, Req);
generate(Bytes, Block, Req) ->
    cowboy_req:stream_body(binary:part(Block, 0, Bytes), fin, Req),
    Req.

upload({more, Data, Req}, Hash) ->
    upload(cowboy_req:read_body(Req), crypto:hash_update(Hash, Data));
upload({ok, Data, Req}, Hash) ->
    Sum = crypto:hash_final(crypto:hash_update(Hash, Data)),
    reply(#{}, [string:lowercase(binary:encode_hex(Sum)), "\n"], Req).
