#!/usr/bin/env escript
%% gen_tcp with {packet, N}: client.escript N HOST PORT FILE, the message in FILE
-mode(compile).

main([Size, Host, Port, File]) ->
    {ok, Message} = file:read_file(File),
    Options = [binary, {active, false}, {packet, list_to_integer(Size)}, {packet_size, 64 bsl 20}],
    ok = io:setopts(standard_io, [binary, {encoding, latin1}]),
    case gen_tcp:connect(Host, list_to_integer(Port), Options, 5000) of
        {ok, Socket} ->
            spawn(fun() -> gen_tcp:send(Socket, Message) end),
            reply(Socket, Message);
        _ -> halt(1)
    end.

reply(Socket, Message) ->
    case gen_tcp:recv(Socket, 0, 8000) of
        {ok, Reply} ->
            ok = gen_tcp:close(Socket),
            ok = file:write(standard_io, Reply),
            Reply =:= Message orelse halt(1);
        _ -> halt(1)
    end.
